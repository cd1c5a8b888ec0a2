"""Candidates trained, judged, gated and recorded."""
