"""What builds the documentation, and what keeps it true."""
