"""What the reports share: the look of a page, pictures with their words, numbers as they may leave."""
