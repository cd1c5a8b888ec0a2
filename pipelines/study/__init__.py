"""The settings of a study: what is predicted, for whom, by which models, for which purpose and on which index dates."""
