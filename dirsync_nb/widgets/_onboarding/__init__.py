"""The parts of the onboarding widget."""
