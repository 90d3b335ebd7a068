# The end-to-end tests, each one entry.
