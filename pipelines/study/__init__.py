"""The settings of a study: what is predicted, for whom, by which models and for which purpose."""
