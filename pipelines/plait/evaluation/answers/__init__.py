"""How good answers and their citations are: questions, measures and the evaluation of a pipeline that answers."""
