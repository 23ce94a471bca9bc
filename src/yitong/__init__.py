"""Yitong (一通): one contact centre, one number, one desk."""
