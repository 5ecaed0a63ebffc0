from st2common.runners.base_action import Action


class InventoryAction(Action):
    def __init__(self, config, action_service=None):
        super(InventoryAction, self).__init__(config=config, action_service=action_service)
        self.region = self.config["region"]
