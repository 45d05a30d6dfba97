"""What is measured: pure functions of tensors and arrays, and sums that grow tile by tile."""
