"""What tests share: words, fakes, and the running stack."""
