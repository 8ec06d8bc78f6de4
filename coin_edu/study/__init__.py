"""More than one picture, codec or student: other codecs, rate-distortion curves, searches, whole folders, figures."""
