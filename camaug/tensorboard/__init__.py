"""The tab of TensorBoard: looks as bytes in an event file, the server, the front end and the report."""
