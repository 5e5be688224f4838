"""From a card to images: cards, loaders, the store of prepared arrays, and views."""
