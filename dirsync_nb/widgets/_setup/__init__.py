"""The parts of the setup widget: providers and the steps to connect them."""
