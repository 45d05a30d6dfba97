"""The paper, equation by equation, in pure torch: no nnU-Net, no files, no device chosen."""
