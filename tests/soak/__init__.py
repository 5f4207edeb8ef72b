"""Whether it holds: real servers, stopped under load, with very many streams, and for very many answers.

`make soak` runs the long form and prints its figures; the tests here are the short one. docs/reliability.md tells both.
"""
