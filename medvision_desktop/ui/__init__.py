"""The only room that imports Qt or pyqtgraph."""
