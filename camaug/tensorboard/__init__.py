"""The camaug tab of TensorBoard: event-file format, server, front end and stand-alone HTML report."""
