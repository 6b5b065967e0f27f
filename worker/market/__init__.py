"""Markets: which exchange a ticker trades on, when it traded, and whether all of its days are there."""
