"""What other people's implementations say about our credentials; labkit itself never imports them."""
