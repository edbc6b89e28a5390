"""Commands that submit and run cases."""
