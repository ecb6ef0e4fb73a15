"""Training on an index: what its own links and documents can teach the pipeline.

Everything here measures on what was held out, shows the controls beside it, and keeps only what was better.
Importing this package is light; its modules import torch.
"""
