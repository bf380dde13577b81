"""From stored values to display values: pure array functions, one DICOM stage a function."""
