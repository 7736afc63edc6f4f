"""Assemblies of bricks into models that give hidden states, and the model class around them."""
