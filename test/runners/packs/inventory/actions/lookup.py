from lib.base import InventoryAction

MACHINES = {"web1": {"cpu": 4, "rack": "A1"}, "db1": {"cpu": 16, "rack": "B2"}}


class Lookup(InventoryAction):
    def run(self, name, fields, strict):
        self.logger.info("looking for %s in %s", name, self.region)
        self.logger.debug("with the key %s", self.config["api_key"])
        print("searching")
        seen = int(self.action_service.get_value("seen") or 0) + 1
        self.action_service.set_value("seen", str(seen))
        machine = MACHINES.get(name)
        if machine is None:
            return (not strict, {"error": "no machine %s" % name})
        picked = {field: machine[field] for field in fields} if fields else machine
        return {"machine": picked, "region": self.region, "seen": seen, "key": self.config["api_key"]}
