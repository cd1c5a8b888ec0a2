"""The report of a trained model: one page that needs no network and reads on paper."""
