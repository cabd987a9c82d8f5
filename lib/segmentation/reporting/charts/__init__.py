"""Plotly figures: plain values in, figures out."""
