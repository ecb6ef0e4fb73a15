"""Fusion at the language model: structure that is read together with a passage's words.

Importing this package is light; its modules import torch, except :mod:`~plait.fusion.tokens.tasks`,
:mod:`~plait.fusion.tokens.task_prompt`, :mod:`~plait.fusion.tokens.reader_files` and
:mod:`~plait.fusion.tokens.verbalised`.

=============================================  ==================================================================
:mod:`plait.fusion.tokens.projector`           structural vectors to soft tokens, for decoder models
:mod:`plait.fusion.tokens.tasks`               training and probing tasks made from a document graph alone
:mod:`plait.fusion.tokens.task_prompt`         what a task shows: a question and numbered passages
:mod:`plait.fusion.tokens.structure_reader`    what a frozen model needs in order to be taught structure
:mod:`plait.fusion.tokens.soft_token_reader`   decoder models as such: a frozen reader and a projector
:mod:`plait.fusion.tokens.fusion_reader`       encoder-decoder models as such
:mod:`plait.fusion.tokens.frozen`              a frozen language model that lets gradients through to soft tokens
:mod:`plait.fusion.tokens.answer_rows`         answers as tokens, scored in few passes
:mod:`plait.fusion.tokens.probing`             what structure tells a model, beside controls
:mod:`plait.fusion.tokens.reader_training`     ``train_reader``: teaches a reader and says whether to keep it
:mod:`plait.fusion.tokens.reader_files`        where what was taught lies in an index
:mod:`plait.fusion.tokens.reader_settings`     how it trains
:mod:`plait.fusion.tokens.lessons`             whose turn it is among kinds of tasks, and which are given up
:mod:`plait.fusion.tokens.reader_report`       what training came to, and the rule by which it is kept
:mod:`plait.fusion.tokens.fid`                 Fusion-in-Decoder, for encoder-decoder models
:mod:`plait.fusion.tokens.prefix_attention`    a further state for a decoder to attend to, behind a gate
:mod:`plait.fusion.tokens.fid_generator`       the generator ``fusion-in-decoder``
:mod:`plait.fusion.tokens.distillation`        retriever distillation from a reader's likelihoods
:mod:`plait.fusion.tokens.gold`                how much each passage helps the reader: its teacher
:mod:`plait.fusion.tokens.verbalised`          structure in words, for models that take only text
:mod:`plait.fusion.tokens.checkpoint`          weights in safetensors that say what they belong to
=============================================  ==================================================================
"""
