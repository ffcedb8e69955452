"""How DrcGAN is trained: its losses and cycles, its patches and the gaps laid over them."""
