"""Mail: what customers write to our addresses becomes contacts, and what agents answer goes out."""
