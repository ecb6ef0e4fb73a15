"""How well a pipeline retrieves: collections, runs, measures and the evaluation of a pipeline on a collection."""
