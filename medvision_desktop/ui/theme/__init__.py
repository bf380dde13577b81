"""How the interface looks: tokens, type, icons and the style sheet made from them."""
