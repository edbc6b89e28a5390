"""Keys of a store: key files, message authentication codes and signatures."""
