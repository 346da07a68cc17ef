"""Parts of the command line: arguments, resumed runs, printed messages and refusals."""
