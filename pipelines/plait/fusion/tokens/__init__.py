"""Fusion at the language model: structure that is read together with a passage's words.

Importing this package is light; its modules import torch, except :mod:`~plait.fusion.tokens.tasks` and
:mod:`~plait.fusion.tokens.verbalised`.

======================================  ===============================================================
:mod:`plait.fusion.tokens.projector`    structural vectors to soft tokens for decoder models
:mod:`plait.fusion.tokens.tasks`        training and probing tasks made from a document graph alone
:mod:`plait.fusion.tokens.frozen`       a frozen language model that passes gradients to soft tokens
:mod:`plait.fusion.tokens.reader_training`  trains a projector, and says whether to keep it
:mod:`plait.fusion.tokens.fid`          Fusion-in-Decoder for encoder-decoder models
:mod:`plait.fusion.tokens.distillation` retriever distillation from a reader's likelihoods
:mod:`plait.fusion.tokens.verbalised`   structure in words, for models that take only text
======================================  ===============================================================
"""
