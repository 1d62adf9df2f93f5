"""What is shipped beside the Python package: manifests, icons, pictures, the bundle, the site."""
