"""MedVision Desktop: a radiology workstation in which the AI suggests and the radiologist decides."""

__version__ = "0.1.0"
