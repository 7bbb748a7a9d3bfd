"""Many runs: ``plan`` says which, ``freeze`` what code, ``submit`` decides, ``job`` runs them, ``states`` looks."""
