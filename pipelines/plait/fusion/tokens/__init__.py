"""Fusion at the language model: structure that is read together with a passage's words.

Importing this package is light; its modules import torch, except :mod:`.tasks`, :mod:`.graph_tasks`,
:mod:`.checkpoint` and :mod:`.verbalised`.

=========================  ========================================================================================
:mod:`.projector`          structural vectors to soft tokens, for decoder models
:mod:`.fid`                Fusion-in-Decoder, for encoder-decoder models: its three structural modes
:mod:`.prefix_attention`   of the mode ``prefix``: a further state for a decoder to attend to, behind a gate
:mod:`.fid_generator`      the generator ``fusion-in-decoder``
:mod:`.verbalised`         structure in words, for models that take only text
:mod:`.checkpoint`         what was taught, in files that say what they belong to
:mod:`.tasks`              what a task shows and asks
:mod:`.graph_tasks`        tasks made from a document graph alone, or from questions with answers
:mod:`.answer_reader`      what a model must offer to be taught or to teach; answers scored in few passes
:mod:`.soft_token_reader`  decoder models as such: frozen, with a projector
:mod:`.fusion_reader`      encoder-decoder models as such
:mod:`.lessons`            how a model is taught: settings, and whose turn it is among kinds of tasks
:mod:`.reader_training`    ``train_reader``: teaches a reader and judges it
:mod:`.probing`            what structure tells a model, beside controls, and the rule by which it is kept
:mod:`.distillation`       retriever distillation from a reader's likelihoods
=========================  ========================================================================================
"""
