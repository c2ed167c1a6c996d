"""What a SCIM door lets pass; ``service`` says what each profile means. Free of imports that take long."""

from typing import Literal

Profile = Literal["workos", "lenient", "strict", "naive-total"]
