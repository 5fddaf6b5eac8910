"""What a memory dump says about why a guest stopped: facts (drgn, in a child), rules over them, the text for people."""
