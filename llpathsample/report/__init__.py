"""The report: all that is known of a landscape file on one page, for readers who were not there."""
