"""What other people's implementations say about our credentials; they are test-only and never imported by labkit."""
