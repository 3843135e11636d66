"""What only AWS can say, asked once: a script of questions, each with the answer that this project relies on.

`python -m conformance` asks them in the account of the credentials that it finds, and writes one recording. The same
questions are put to the local AWS by the tests: what it answers is what AWS answered or, until somebody has recorded
that, what the project expects.
"""
