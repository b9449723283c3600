"""What a data administrator and a data analyst can do, each with their own folder and keys.

Import a role from its own module, so that the analyst's process never loads the administrator's side::

    from he_helpers.roles.administrator import DataAdministrator
    from he_helpers.roles.analyst import DataAnalyst
"""
