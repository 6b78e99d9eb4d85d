"""What the API takes and answers. Money and quantities are text in JSON, so that nothing is rounded on the way."""
