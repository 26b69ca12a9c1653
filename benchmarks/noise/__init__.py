"""How much a scanner says about large source trees in which there is little or nothing to find."""
