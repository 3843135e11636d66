"""Tools of the project: the demo, and what generates documentation."""
