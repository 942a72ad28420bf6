namespace canopy {}
