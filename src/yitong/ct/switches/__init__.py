"""The adapters behind the Switch port; only yitong.app names them."""
