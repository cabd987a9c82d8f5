"""Results drawn as charts and as one page: plain values in, figures and text out."""
