"""Every page, and every summary at the command line; here what they share, in the folders the larger ones."""
